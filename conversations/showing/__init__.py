"""Rows as pages show them: in words, sizes and bars. Of other tables, contents.py alone asks."""
