"""What all reports share: formatting, header, suggested actions."""
