namespace FuncSse.Topics;

// The opening of a subscription. All of this happens under the subscription's lock, except that the values are read outside of it.
internal sealed partial class TopicSubscription
{
    private const string Overflow = "overflow";

    // What is still to be told: a loss, the retained values, and the position from which it goes on.
    private string? _lossReason;
    private bool _isLoadingValues;
    private bool _hasTooManyValues;
    private Queue<RetainedValue>? _values;
    private LogPosition? _opening;

    // The positions of values that are ahead of the hub. What the hub still reads of these topics up to there is not newer than the value.
    private Dictionary<string, LogPosition>? _ahead;

    private bool TryReadOpening(out TopicItem next)
    {
        next = default;
        if (_lossReason is { } reason)
        {
            next = new TopicItem(Position: _opening, LossReason: reason);
            _lossReason = null;
            return true;
        }

        if (_isLoadingValues)
        {
            return false;
        }

        if (_hasTooManyValues)
        {
            next = new TopicItem(Position: _opening, LossReason: Overflow);
            _hasTooManyValues = false;
            return true;
        }

        while (_values?.TryDequeue(out RetainedValue? value) == true)
        {
            if (EventRecord.Decode(value.Line.Span, out EventRecord? decoded) == RecordKind.Event)
            {
                next = new TopicItem(Value: decoded);
                return true;
            }
        }

        if (_opening is { } position)
        {
            next = new TopicItem(Position: position);
            (_values, _opening) = (null, null);
            return true;
        }

        return false;
    }

    // A client that has no position, or has lost it, begins with the values. The position comes first: an event that follows it while the values are
    // read is delivered after them.
    private void OpenNow(RingHead head)
    {
        (_opening, _position) = (head.Position, head.Position);
        (_state, _last, _next) = (State.Live, head.Sequence, 0);
        if (!_isLoadingValues)
        {
            _isLoadingValues = true;
            ThreadPool.UnsafeQueueUserWorkItem(static self => _ = self.RetryAsync(self.TryLoadValuesAsync), this, preferLocal: false);
        }
    }

    private async Task<bool> TryLoadValuesAsync()
    {
        LogPosition? opening = Volatile.Read(ref _opening);
        IReadOnlyList<RetainedValue>? values = await hub.Values.ReadAsync(topics);
        lock (_gate)
        {
            if (opening != _opening)
            {
                return false; // It has lost events again, and begins at another position.
            }

            _isLoadingValues = false;
            _values = new Queue<RetainedValue>(values ?? []);
            _hasTooManyValues = values is null;
            foreach (RetainedValue value in values ?? [])
            {
                if (value.End is { } end && end.Epoch == opening!.Epoch && end.IsAfter(opening))
                {
                    (_ahead ??= new(StringComparer.Ordinal))[value.Topic] = end;
                }
            }

            return true;
        }
    }

    private bool IsInValue(TopicEvent found)
    {
        if (_ahead is null || !_ahead.TryGetValue(found.Topic, out LogPosition? end))
        {
            return false;
        }

        if (!found.Position.IsAfter(end))
        {
            return true;
        }

        _ahead.Remove(found.Topic);
        return false;
    }
}
