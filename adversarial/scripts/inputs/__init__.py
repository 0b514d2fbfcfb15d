"""What several commands are given: data sets, what a model is scored on, records of trainings."""
