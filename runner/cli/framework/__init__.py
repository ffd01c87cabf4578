"""What all commands share: options, session, error boundary, output."""
