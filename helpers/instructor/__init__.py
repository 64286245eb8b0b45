"""The instructor's side: exercises with oracles, the build, grading. No learner imports it."""
