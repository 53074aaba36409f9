// Owns one operation from submission to its single completion. Fields below the line "pump" are touched by the pump
// alone; what a caller may read (results, Error) is written before IsCompleted becomes true.
using System.Threading.Tasks.Sources;
using Kv.Base;

namespace Kv.Client.Core;

/// <summary>
/// Something that a caller wants done: made by the caller, handed to <see cref="ClientPump.Submit"/>, completed exactly
/// once.
/// On completion <see cref="Completed"/> is called on the pump's turn; or one caller awaits
/// <see cref="WhenCompletedAsync"/>.
/// </summary>
public abstract class ClientOperation : IValueTaskSource
{
    private ManualResetValueTaskSourceCore<bool> _source = new() { RunContinuationsAsynchronously = true };
    private volatile bool _isCompleted;
    private ClientPump? _pump;

    private protected ClientOperation()
    {
    }

    /// <summary>Called once, on the pump's turn, after the results are set. Must be quick and must not throw.</summary>
    public Action<ClientOperation>? Completed { get; init; }

    /// <summary>
    /// Time budget in milliseconds from the pump's first look at the operation; 0 = the client's own.
    /// </summary>
    public int TimeoutMs { get; init; }

    /// <summary>Whether the results are set. Once true it stays so.</summary>
    public bool IsCompleted => _isCompleted;

    /// <summary>
    /// Why it was not done: a <see cref="KvException"/>, or <see cref="OperationCanceledException"/> when the caller
    /// cancelled and nothing can have been written. Null = it was done.
    /// </summary>
    public Exception? Error { get; private set; }

    /// <summary>What it is, for metrics and traces.</summary>
    internal abstract string Kind { get; }

    // --- pump ---
    internal Instant SubmittedAt { get; set; }

    internal Instant Deadline { get; set; }

    internal ClientOperation? Previous { get; set; }

    internal ClientOperation? Next { get; set; }

    /// <summary>Asks for an early end; nothing happens when it is already completed. Safe from any thread.</summary>
    public void Cancel() => _pump?.OnCancelled(this);

    /// <summary>
    /// Completes when the operation does and throws <see cref="Error"/> when there is one. One caller may await it,
    /// once.
    /// Continuations run on the thread pool.
    /// </summary>
    internal ValueTask WhenCompletedAsync() => new(this, _source.Version);

    internal void AttachTo(ClientPump pump)
    {
        Invariant.Require(_pump is null && !_isCompleted);
        _pump = pump;
    }

    /// <summary>Sets the outcome; called once, by the pump or by the submitter of a refused operation.</summary>
    internal void Complete(Exception? error)
    {
        Invariant.Require(!_isCompleted);
        Error = error;
        _isCompleted = true;
        Completed?.Invoke(this);
        _source.SetResult(true);
    }

    /// <summary>Checks arguments against limits before anything is queued. Null = fine.</summary>
    internal abstract KvInvalidRequestException? Check(Protocol.Limits limits);

    /// <summary>Begins work; the pump's turn.</summary>
    internal abstract void Begin(ClientPump pump);

    /// <summary>
    /// What to complete with when the operation ends before it is done: time out (<paramref name="cause"/> null), or
    /// whatever
    /// <paramref name="cause"/> says. Writes that may have been executed answer undetermined.
    /// </summary>
    internal abstract Exception DescribeEnd(string what, Exception? cause);

    /// <summary>
    /// Takes its calls out of every list and lets their identities go; called once, before completion.
    /// </summary>
    internal abstract void DetachCalls();

    /// <summary>Whether <paramref name="call"/> still wants an answer.</summary>
    internal virtual bool Wants(Call call) => !_isCompleted;

    void IValueTaskSource.GetResult(short token)
    {
        _source.GetResult(token);
        if (Error is not null)
        {
            throw Error;
        }
    }

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _source.GetStatus(token);

    void IValueTaskSource.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _source.OnCompleted(continuation, state, token, flags);
}
