"""What a bundle would need on boards that are not here. Every figure is predicted, none measured."""
