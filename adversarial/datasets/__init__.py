"""Where examples come from: MNIST, CIFAR-10, the Toronto Face Database, and arrays of your own."""
