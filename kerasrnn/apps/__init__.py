"""One folder per application, all alike: `kerasrnn.app` says what each file of a folder holds."""
