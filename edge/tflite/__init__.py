"""What a .tflite file says of itself, without running it."""
