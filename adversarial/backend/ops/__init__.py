"""Operations of our own: one a file, and its C++ in the header file of the same name."""
