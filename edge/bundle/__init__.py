"""The bundle, `NAME.edge`: what it holds, and how it is read and written."""
