"""What must survive when processes are killed."""
