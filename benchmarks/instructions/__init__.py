"""Instructions a frame on emulated boards: what a network costs there, without a clock."""
