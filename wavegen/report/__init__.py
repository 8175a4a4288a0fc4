"""What a run shows: samples along the way, warnings in words, and the report page."""
