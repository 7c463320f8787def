"""A page for developers that shows every component in every state, drawn by the templates the pages use."""
