namespace FuncSse.Topics.Redis;

/// <summary>
/// What Redis does in one step each. A script runs alone on the server, so that the epoch that it checks is the one that it reads or writes.
/// </summary>
/// <remarks>
/// <para>
/// The log is two keys: the stream, and a hash of its life with the <c>epoch</c>, the <c>server</c> on which it was made (its replication
/// id), the id of the <c>last</c> record and the <c>bytes</c> that were ever appended.
/// </para>
/// <para>
/// Each record (<c>r</c>) names the id of the one before it (<c>p</c>). So a position is known if the next record names it, or if it is the
/// last one: the end of what was trimmed is still known whoever trimmed it, and a record that vanished is a gap that readers see. Redis
/// has that end itself only since version 7, and only of what XDEL removed. <c>b</c> is the value of <c>bytes</c> at the record, which
/// makes the size of what is kept a subtraction.
/// </para>
/// <para>
/// Each script takes the epoch that a new life would have as its first argument.
/// </para>
/// </remarks>
internal static class RedisScripts
{
    // A stream that is made anew has its first id from a record that is deleted at once: an empty stream exists, and a missing one tells of
    // a flush. The replication id changes with the process of the primary. After a restart from the append-only file everything that was
    // acknowledged is there; a promoted replica (which keeps the id of its primary as the second one) or an older snapshot may lack events.
    private const string Life = """
        local stream, life = KEYS[1], KEYS[2]
        local function info(section, field)
          local text = redis.pcall('INFO', section)
          return type(text) == 'string' and string.match(text, field .. ':([%w-]+)') or ''
        end
        local function begin(server)
          redis.call('DEL', stream, life)
          local first = redis.call('XADD', stream, '*', 'begin', ARGV[1])
          redis.call('XDEL', stream, first)
          redis.call('HSET', life, 'epoch', ARGV[1], 'server', server, 'last', first, 'bytes', '0')
          return ARGV[1], first, '0', server
        end
        local function find()
          local known = redis.call('HMGET', life, 'epoch', 'last', 'bytes', 'server')
          local server = info('replication', 'master_replid')
          if not known[1] or redis.call('EXISTS', stream) == 0 then return begin(server) end
          if server ~= '' and server ~= known[4] then
            local restarted = info('persistence', 'aof_enabled') == '1' and string.match(info('replication', 'master_replid2'), '^0+$')
            if known[4] ~= '' and not restarted then return begin(server) end
            redis.call('HSET', life, 'server', server)
          end
          return known[1], known[2], known[3], server
        end
        local function oldest(retention)
          local now = redis.call('TIME')
          return string.format('%.0f', math.max(0, now[1] * 1000 + math.floor(now[2] / 1000) - retention))
        end
        local function follow(from, count)
          local found = {}
          for _, entry in ipairs(redis.call('XRANGE', stream, from, '+', 'COUNT', count)) do
            local f = entry[2]
            found[#found + 1] = { id = entry[1], before = f[1] == 'p' and f[3] == 'b' and f[5] == 'r' and f[2], bytes = f[4], record = f[6] }
          end
          return found
        end
        local function first()
          local entry = follow('-', 1)[1]
          while entry and not entry.before do entry = follow('(' .. entry.id, 1)[1] end
          return entry
        end

        """;

    /// <summary>Answers with the eviction policy; with an empty text where the service hides it.</summary>
    public const string Policy = Life + """
        return info('memory', 'maxmemory_policy')
        """;

    /// <summary>Answers with the epoch and the end of the last record.</summary>
    public const string End = Life + """
        local epoch, last = find()
        return { epoch, last }
        """;

    /// <summary>Answers with the epoch and the position before the oldest record.</summary>
    public const string Earliest = Life + """
        local epoch, last = find()
        local entry = first()
        return { epoch, entry and entry.before or last }
        """;

    /// <summary>
    /// Takes the epoch, the retention in milliseconds, the last id that this process has an acknowledgement of and the server that gave it,
    /// and the records. Answers with the server and the ids; with nothing if the log is in another epoch.
    /// </summary>
    public const string Append = Life + """
        local epoch, last, bytes, server = find()
        if epoch ~= ARGV[2] then return false end
        local known = ARGV[4]
        if known ~= '' and server ~= ARGV[5] and #redis.call('XRANGE', stream, known, known) == 0
            and #redis.call('XREVRANGE', stream, known, '-', 'COUNT', 1) == 1 then
          begin(server)
          return false
        end
        local answer, from = { server }, oldest(ARGV[3])
        for index = 6, #ARGV do
          bytes = string.format('%.0f', bytes + #ARGV[index] + 64)
          last = redis.call('XADD', stream, 'MINID', '~', from, '*', 'p', last, 'b', bytes, 'r', ARGV[index])
          answer[#answer + 1] = last
        end
        redis.call('HSET', life, 'last', last, 'bytes', bytes)
        return answer
        """;

    /// <summary>
    /// Takes the epoch, the id to read after and how many bytes to read. Answers with the epoch, the last id, 1 if something at or before the
    /// position is kept and 0 if not, or 2 if the position is known; then ids and records in turn. What another program wrote is passed over.
    /// It looks at few records at once: large ones may follow small ones, and Redis serves nobody else while it copies them.
    /// </summary>
    public const string Read = Life + """
        local epoch, last = find()
        if epoch ~= ARGV[2] then return { epoch, last, 1 } end
        local answer, after, from, left, count = { epoch, last, 2 }, ARGV[3], ARGV[3], tonumber(ARGV[4]), 1
        while left > 0 do
          local page = follow('(' .. from, count)
          for _, entry in ipairs(page) do
            if entry.before and left > 0 then
              if entry.before ~= after then
                if #answer > 3 then return answer end
                return { epoch, last, #redis.call('XREVRANGE', stream, after, '-', 'COUNT', 1) }
              end
              answer[#answer + 1] = entry.id
              answer[#answer + 1] = entry.record
              after, left = entry.id, left - #entry.record
            end
            from = entry.id
          end
          if #page < count then break end
          count = math.min(count * 2, 32)
        end
        if #answer == 3 and after ~= last then
          return { epoch, last, #redis.call('XREVRANGE', stream, after, '-', 'COUNT', 1) }
        end
        return answer
        """;

    /// <summary>
    /// Takes the retention in milliseconds and the size in bytes. Trims to both, and answers with the age of the oldest record in
    /// milliseconds; with nothing if there is none.
    /// </summary>
    public const string Trim = Life + """
        local epoch, last, bytes = find()
        redis.call('XTRIM', stream, 'MINID', oldest(ARGV[2]))
        local entry, size = first(), tonumber(ARGV[3])
        while entry and bytes - entry.bytes > size do
          local keep = math.floor(redis.call('XLEN', stream) * size / (bytes - entry.bytes))
          if redis.call('XTRIM', stream, 'MAXLEN', '~', keep) == 0 then break end
          entry = first()
        end
        return entry and tonumber(oldest(0)) - string.match(entry.id, '^%d+') or false
        """;
}
