"""The project: settings, entry points, and what is no app."""
