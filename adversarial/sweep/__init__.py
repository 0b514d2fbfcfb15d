"""Many runs of an experiment: every setting with every seed, on one machine or on a cluster.

The command is `scripts/sweep.py`; docs/SWEEPS.md says how to use it. Each run is a process of its
own, which runs `train.py`. Dask.distributed decides on which machine.

    plan        what is trained: settings and seeds, and the name of each run
    records     the small files in a sweep's folder: what was asked, how far each run is
    child       the process of one run
    worker      called by Dask's workers: starts that process, resumes it, scores the model
    cluster     Dask's clusters: of this machine, at an address, of SLURM
    schedule    gives the runs to the workers, and again if a worker dies
    view        the live view in the terminal
    results     the tables of a sweep
    plot        its plot

What makes a sweep exact is not here: a run that is resumed gives the same bits as one that was
never stopped, and a run whose files another process still writes is refused (`files/lock.py`).
"""
