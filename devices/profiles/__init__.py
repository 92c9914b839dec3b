"""What is known of boards before they are measured."""
