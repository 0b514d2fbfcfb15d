"""How files are opened, locked and replaced.

`opening` opens what a user or a file names, without waiting for a pipe or following a stranger's
link. `lock` keeps two processes from writing one file. `outputs` says where files may be written
and which may be replaced. `atomic_write` replaces a file in one step.
"""
