"""Files that are told apart from networks before anything reads them."""
