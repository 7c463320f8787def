"""Pages and their partial answers: row through its door, form, action, answer."""
