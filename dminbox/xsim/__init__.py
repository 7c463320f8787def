"""A local X: OAuth, Direct Messages, media, activity push, limits, prices and faults, with no Django in it."""
