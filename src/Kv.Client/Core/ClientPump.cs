// Owns everything that decides in the client: operations, routes, stores, identities, retries, time. One driver turns
// it; other threads only post mail. Inside there is no thread, no await, no timer and no clock but the seam.
// Invariants: an operation completes exactly once; a call is in at most one list; what is under way to a store is
// within its window.
using Kv.Base;
using Kv.Protocol.Commands;
using Kv.Protocol.V1;

namespace Kv.Client.Core;

/// <summary>
/// The deciding part of the client. In production a thread-pool driver turns it, in the simulator a seeded loop does.
/// Submit and the sink methods are safe from any thread; everything else belongs to the driver.
/// </summary>
public sealed partial class ClientPump : Pump, IClientTransportSink
{
    private readonly KvClientOptions _options;
    private readonly DeterministicRandom _random;
    private readonly Mailbox<Mail> _mailbox;
    private readonly StoreBook _stores;
    private readonly RegionCache _cache = new();
    private readonly Queue<Call> _toDispatch = new();
    private readonly PriorityQueue<(Call Call, int WaitNumber), (Instant Due, ulong Order)> _waits = new();
    private readonly Dictionary<ulong, Call> _inFlight = [];
    private readonly List<Call> _scratch = [];
    private readonly long _operationTimeoutMs;
    private IClientTransport? _transport;
    private ClientOperation? _first;
    private ClientOperation? _last;
    private Instant _deadlinesDue = Instant.Never;
    private ulong _lastRequestId;
    private ulong _waitOrder;
    private Exception? _closed;

    // Set once by the driver after a turn has thrown; read by any thread.
    private volatile KvException? _aborted;

    // Written by any thread, with interlocked operations only: operations submitted and not completed.
    private int _outstanding;

    /// <summary>
    /// Makes a pump. <paramref name="random"/> decides the jitter; <paramref name="session"/> must be drawn anew for
    /// every client that ever lives (Once law). <see cref="SetTransport"/> must be called before the first turn.
    /// </summary>
    public ClientPump(KvClientOptions options, DeterministicRandom random, SessionId session)
    {
        _options = options;
        _random = random;
        _operationTimeoutMs = (long)options.OperationTimeout.TotalMilliseconds;
        _mailbox = new Mailbox<Mail>(this, options.OperationsMax);
        _stores = new StoreBook(options.Seeds);
        Session = new WriteSession(session);
        Finder = new RouteFinder(this, _cache);
        Regions = new RegionCalls(this, _cache, _stores, Finder);
        Now = Instant.Now(options.Clock);
    }

    /// <inheritdoc/>
    public override string Name => "client";

    /// <inheritdoc/>
    public override Instant NextDue
    {
        get
        {
            Instant due = _deadlinesDue;
            if (_waits.TryPeek(out _, out (Instant Due, ulong Order) first) && first.Due < due)
            {
                due = first.Due;
            }

            foreach (StoreLane lane in _stores.Lanes)
            {
                due = lane.AttemptsDue < due ? lane.AttemptsDue : due;
            }

            return due;
        }
    }

    /// <summary>Operations submitted and not completed yet. Safe from any thread.</summary>
    public int OutstandingCount => Volatile.Read(ref _outstanding);

    /// <summary>The driver's time, read once per turn.</summary>
    internal Instant Now { get; private set; }

    internal WriteSession Session { get; }

    internal RouteFinder Finder { get; }

    internal RegionCalls Regions { get; }

    internal List<StoreLane> Lanes => _stores.Lanes;

    internal RegionCache Cache => _cache;

    /// <summary>Where placement answered last; null = not known.</summary>
    internal StoreLane? PlacementLane { get; set; }

    /// <summary>Set once, before the first turn.</summary>
    public void SetTransport(IClientTransport transport)
    {
        Invariant.Require(_transport is null);
        _transport = transport;
    }

    /// <summary>
    /// Takes an operation; it is completed once, later, on the pump's turn. When its arguments are wrong, the client is
    /// full or closed it is completed with that error before this returns. Safe from any thread.
    /// </summary>
    public void Submit(ClientOperation operation)
    {
        operation.AttachTo(this);
        if (operation.Check(_options.Limits) is { } invalid)
        {
            operation.Complete(invalid);
            return;
        }

        if (Interlocked.Increment(ref _outstanding) > _options.OperationsMax)
        {
            Interlocked.Decrement(ref _outstanding);
            operation.Complete(new KvUnavailableException(
                $"the client has {_options.OperationsMax} operations under way, which is its limit (OperationsMax)"));
            return;
        }

        // Bounded by the count above.
        _mailbox.Post(new Mail(MailKind.Submit, operation));
        if (_aborted is { } reason)
        {
            RefuseMailAfterAbort(reason);
        }
    }

    /// <summary>
    /// Ends every operation with <paramref name="reason"/> (writes that were sent: undetermined) and refuses new ones.
    /// Safe from any thread; takes effect on the next turn.
    /// </summary>
    public void Close(KvException reason) => _mailbox.Post(new Mail(MailKind.Close, reason));

    /// <summary>
    /// The driver's last act after a turn has thrown: nothing in here can be trusted any more, so whatever still waits
    /// is completed with <paramref name="reason"/>, writes as undetermined.
    /// </summary>
    internal void Abort(KvException reason)
    {
        _aborted = reason;
        while (_first is { } operation)
        {
            _first = operation.Next;
            if (!operation.IsCompleted)
            {
                operation.Complete(AbortError(operation, reason));
            }
        }

        RefuseMailAfterAbort(reason);
    }

    /// <inheritdoc/>
    public override bool RunOnce()
    {
        Invariant.Require(_transport is not null);
        Now = Instant.Now(_options.Clock);
        bool any = ReadMail();
        any |= EndWaits();
        any |= ExpireAttempts();
        any |= ExpireOperations();
        any |= DispatchAll();
        any |= Flush(_transport);
        return any;
    }

    /// <summary>Completes an operation and lets go of all that it holds.</summary>
    internal void Finish(ClientOperation operation, Exception? error)
    {
        operation.DetachCalls();
        Unlink(operation);
        Interlocked.Decrement(ref _outstanding);
        ClientMetrics.OnFinished(operation, (Now.Nanoseconds - operation.SubmittedAt.Nanoseconds) / 1e6, error);
        operation.Complete(error);
    }

    /// <summary>Sends the call on its way later in this turn; never deeper in the stack of the caller.</summary>
    internal void DispatchSoon(Call call) => _toDispatch.Enqueue(call);

    /// <summary>Dispatches the call again after a wait. Nothing happens when nobody wants it any more.</summary>
    internal void Delay(Call call, BackoffKind kind, int floorMs = 0)
    {
        ClientMetrics.OnWait(kind);
        call.HopCount = 0;
        int ms = call.NextWaitMs(kind, _random, floorMs);
        call.WaitNumber++;
        _waits.Enqueue((call, call.WaitNumber), (Now.PlusMs(ms), ++_waitOrder));
    }

    internal void Learn(RegionRoute route)
    {
        foreach (StoreInfo store in route.Stores)
        {
            _stores.Learn(store);
        }

        _cache.Learn(route);
    }

    internal StoreLane? LearnStore(StoreInfo store)
    {
        _stores.Learn(store);
        return _stores.LaneOf(store.Id);
    }

    private static KvException AbortError(ClientOperation operation, KvException reason) =>
        operation is RegionOperation { IsWrite: true } ? new KvUndeterminedException(reason.Message, reason) : reason;

    private void RefuseMailAfterAbort(KvException reason)
    {
        // Nobody turns the pump any more, so its mail is for whoever comes by; one at a time.
        lock (_mailbox)
        {
            foreach (Mail mail in _mailbox.Drain())
            {
                if (mail is { Kind: MailKind.Submit, Subject: ClientOperation { IsCompleted: false } waiting })
                {
                    waiting.Complete(reason);
                }
            }
        }
    }

    private bool EndWaits()
    {
        bool any = false;
        while (_waits.TryPeek(out (Call Call, int WaitNumber) wait, out (Instant Due, ulong Order) key)
            && key.Due <= Now)
        {
            _waits.Dequeue();
            if (wait.Call.WaitNumber == wait.WaitNumber)
            {
                _toDispatch.Enqueue(wait.Call);
            }

            any = true;
        }

        return any;
    }

    private bool DispatchAll()
    {
        bool any = false;
        while (_toDispatch.TryDequeue(out Call? call))
        {
            call.Dispatch();
            any = true;
        }

        return any;
    }

    private bool ExpireOperations()
    {
        if (Now < _deadlinesDue)
        {
            return false;
        }

        _deadlinesDue = Instant.Never;
        ClientOperation? operation = _first;
        while (operation is not null)
        {
            ClientOperation? next = operation.Next;
            if (operation.Deadline <= Now)
            {
                EndEarly(operation, "timed out", cause: null);
            }
            else if (operation.Deadline < _deadlinesDue)
            {
                _deadlinesDue = operation.Deadline;
            }

            operation = next;
        }

        return true;
    }

    private void EndEarly(ClientOperation operation, string what, Exception? cause)
    {
        long budgetMs = BudgetMs(operation);
        Exception error = operation.DescribeEnd(cause is null ? $"{what} after {budgetMs} ms" : what, cause);
        Finish(operation, error);
    }

    private long BudgetMs(ClientOperation operation) =>
        operation.TimeoutMs > 0 ? operation.TimeoutMs : _operationTimeoutMs;

    private void Link(ClientOperation operation)
    {
        operation.Previous = _last;
        if (_last is null)
        {
            _first = operation;
        }
        else
        {
            _last.Next = operation;
        }

        _last = operation;
    }

    private void Unlink(ClientOperation operation)
    {
        if (operation.Previous is null)
        {
            Invariant.Require(_first == operation);
            _first = operation.Next;
        }
        else
        {
            operation.Previous.Next = operation.Next;
        }

        if (operation.Next is null)
        {
            Invariant.Require(_last == operation);
            _last = operation.Previous;
        }
        else
        {
            operation.Next.Previous = operation.Previous;
        }

        operation.Previous = null;
        operation.Next = null;
    }
}
