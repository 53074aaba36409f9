// Each test drives several busy processes and some measure time: together they would only show how slow the machine is.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
