"""Following a run: samples along the way, warnings in words, and the report page."""
