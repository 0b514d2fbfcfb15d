"""Opens, locks and replaces files safely.

`opening` opens files whose path comes from a user or from another file, without blocking on a named
pipe or following an untrusted symbolic link. `inputs` restricts which model files a model file may
load. `lock` keeps two processes from writing one file. `outputs` restricts where files may be
written and which may be replaced. `atomic_write` replaces a file atomically.
"""
