using Kv.Base;

namespace Kv.Server.Hosting;

/// <summary>The threads of one part of the process, started and stopped in order.</summary>
internal sealed class PumpGroup(TimeProvider clock, Action<Pump, Exception> onFailure)
{
    private static readonly TimeSpan StopPatience = TimeSpan.FromSeconds(10);

    private readonly List<PumpThread> _threads = [];

    public void Add(Pump pump) => _threads.Add(new PumpThread(pump, clock, onFailure));

    public void Start()
    {
        foreach (PumpThread thread in _threads)
        {
            thread.Start();
        }
    }

    /// <summary>Stops in the order of adding. Names of threads that did not end in time.</summary>
    public IReadOnlyList<string> Stop()
    {
        var stuck = new List<string>();
        foreach (PumpThread thread in _threads)
        {
            if (!thread.Stop(StopPatience))
            {
                stuck.Add(thread.Name);
            }
        }

        return stuck;
    }
}
