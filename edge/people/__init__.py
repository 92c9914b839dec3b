"""Who is it? Galleries of people's descriptors, and naming people by them."""
