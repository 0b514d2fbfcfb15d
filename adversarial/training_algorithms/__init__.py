"""Gradient descent: the order in which the players move, learning rules, learning-rate schedules.

`adversarial.train.Train` calls `setup` of an algorithm once and `train` once an epoch.

    sgd             both players move at once, on each minibatch (the paper's experiments)
    k_steps         Algorithm 1: k steps of D, then one of G
    sgd_alt         epochs of D alone, alternating with epochs in which the players take turns
    bgd             line searches on large minibatches, for networks that are no game
    learning_rule   from gradients to updates: momentum and others
    schedules, cycler, epoch_monitor    callbacks after each minibatch
"""
