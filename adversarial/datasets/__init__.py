"""Data sets: arrays of examples, where their files come from, and preprocessing.

- *Data sets that a YAML file names*: `mnist`, `cifar10`, `tfd` (the Toronto Face Database),
  `mixture` (Gaussians on a line); for arrays of your own `dense_design_matrix`,
  `vector_spaces_dataset`, and `pytables` for HDF5 files; `zca_dataset` for whitened data.
- *Own data from files* (docs/DATA.md): `own_data`, the base of `image_folder`, `numpy_file`,
  `csv_file`, `hdf5_file` and `idx_file`; its parts in `partition`, its scales in `scaling`, its
  labels in `targets`, what is read and when in `source`; `data_file` finds and opens a file,
  `image_file` reads one image, `recognize` says which class reads a path.
- *What these are made of*: `dataset` (the interface), `array_dataset` (minibatches of arrays),
  `image_views` and `view_converter` (rows as images), `file_rows` (rows that are not in memory),
  `splits` (ranges, folds), `finite` (refuses NaN), `preprocessing` and `contrast`.
- *Files*: `data_path` finds them, `download` fetches them; `idx`, `mat`, `lush` and `cifar10_batch`
  read one format each.
- *Training*: `feed` brings minibatches to compiled functions, from shared variables
  (`device_array`) or from a data set's own iterator; `fingerprint` tells whether data changed
  between two runs.
"""
