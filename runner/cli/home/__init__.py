"""Commands of the home folder, the worker and scheduled jobs."""
