using Kv.Simulation.Runner;

return SimCommand.Run(args);
