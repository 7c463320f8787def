"""A local X: OAuth, Direct Messages, media, limits, prices and faults, with no Django in it."""
