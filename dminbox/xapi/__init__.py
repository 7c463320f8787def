"""A client for X's API: a token goes in, frozen dataclasses or an XError come out."""
