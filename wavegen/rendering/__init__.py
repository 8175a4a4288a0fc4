"""Batch rendering: lists of jobs to folders of clips."""
