"""Where recordings lie for as long as they are kept: one folder a day, in files or in a bucket."""
