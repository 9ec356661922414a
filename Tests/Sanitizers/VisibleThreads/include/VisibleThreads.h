// There is nothing to call: the target's symbols replace those of the C library.
