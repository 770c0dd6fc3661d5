"""The batch views, each a pure transformation in a file of its name that ends in the columns of the contract."""
