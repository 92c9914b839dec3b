"""Networks, data sets and training: everything that ends in a `.keras` file."""
