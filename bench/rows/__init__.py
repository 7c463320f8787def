"""One module per row of the table; `measure(bench)` gives its lines."""
