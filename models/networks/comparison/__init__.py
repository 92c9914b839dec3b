"""The networks of the thesis' UTKFace table, written from their papers, to be measured."""
