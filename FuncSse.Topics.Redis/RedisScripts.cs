namespace FuncSse.Topics.Redis;

/// <summary>
/// The operations that Redis does in one step each. A script runs alone on the server, so the epoch that it checks is the one that it reads or
/// writes.
/// </summary>
/// <remarks>
/// <para>
/// The log is four keys: the stream, and a hash of its life with the <c>epoch</c>, the position of the <c>last</c> record, the <c>bytes</c> that were
/// ever appended, and for each writer <c>w:writer</c> the number of the last record that it appended, the position before the append and the one
/// at its end. A position is the id of an entry with the mark of its record: <c>ms-seq-mark</c>.
/// </para>
/// <para>
/// The other two are hashes of the retained values, <c>epoch ms-seq-mark record</c> for each topic: one of the app's topics and one of the reserved
/// ones, which do not count. They outlive an epoch. Values that expire are keys of their own, since the fields of a hash do not.
/// </para>
/// <para>
/// Each record (<c>r</c>) names the position of the one before it (<c>p</c>). So a position is known if the next record names it, or if it is the
/// last one: the end of what was trimmed is still known, whoever trimmed it, and a record that vanished is a gap that readers see. A Redis that went
/// back to an older state has neither for the positions that it lost. <c>b</c> is the value of <c>bytes</c> at the record, which makes the size of
/// what is kept a subtraction.
/// </para>
/// <para>
/// Each script takes the epoch that a new life would have as its first argument.
/// </para>
/// </remarks>
internal static class RedisScripts
{
    // A new stream has its first id from a record that is deleted at once. So the stream of an empty log exists, and a missing one means that Redis
    // was flushed.
    private const string Life = """
        local stream, life, values, reserved = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
        local function begin()
          redis.call('DEL', stream, life)
          local first = redis.call('XADD', stream, '*', 'begin', ARGV[1])
          redis.call('XDEL', stream, first)
          redis.call('HSET', life, 'epoch', ARGV[1], 'last', first, 'bytes', '0')
          return ARGV[1], first, '0', false
        end
        local function find(writer)
          local known = redis.call('HMGET', life, 'epoch', 'last', 'bytes', writer or '')
          if known[1] and redis.call('EXISTS', stream) == 1 then return known[1], known[2], known[3], known[4] end
          return begin()
        end
        local function position(id, record)
          local mark = string.match(string.sub(record, -11), '^"r":"([a-z0-9]+)"}$')
          return mark and id .. '-' .. mark or id
        end

        """;

    private const string Entries = """
        local function id(position)
          return string.match(position, '^%d+-%d+')
        end
        local function follow(from, count)
          return redis.call('XRANGE', stream, from, '+', 'COUNT', count)
        end
        local function read(entry)
          local f = entry[2]
          if f[1] == 'p' and f[3] == 'b' and f[5] == 'r' then return f[2], f[6], f[4] end
        end
        local function first()
          local entry = follow('-', 1)[1]
          while entry and not read(entry) do entry = follow('(' .. entry[1], 1)[1] end
          return entry
        end

        """;

    /// <summary>Answers with the eviction policy, or with an empty text if the service hides it.</summary>
    public const string Policy = """
        local text = redis.pcall('INFO', 'memory')
        return type(text) == 'string' and string.match(text, 'maxmemory_policy:([%w-]+)') or ''
        """;

    /// <summary>Answers with the epoch and the end of the last record.</summary>
    public const string End = Life + """
        local epoch, last = find()
        return { epoch, last }
        """;

    /// <summary>Answers with the epoch and the position before the oldest record.</summary>
    public const string Earliest = Life + Entries + """
        local epoch, last = find()
        local entry = first()
        return { epoch, entry and read(entry) or last }
        """;

    /// <summary>
    /// Takes the writer, the retention of values in milliseconds (0 for ever), and numbers, retained
    /// topics and records in turn: the topic has <c>+</c> before it if the record becomes its value, and <c>-</c> if the record clears the value, and is
    /// empty if the record is not retained. Publishes what was appended, as <see cref="RedisFeed"/> reads it. Answers with the epoch, why that was refused (or
    /// nothing), and the positions. Records whose numbers the writer has passed are not appended,
    /// because their append was repeated or comes late. The answer has the positions of those that the log has.
    /// </summary>
    /// <remarks>It runs for each event that is published alone, so it calls Redis four times and no more.</remarks>
    public const string Append = Life + """
        local writer = 'w:' .. ARGV[2]
        local epoch, last, bytes, known = unpack(redis.call('HMGET', life, 'epoch', 'last', 'bytes', writer))
        if tonumber(ARGV[4]) <= tonumber(string.match(known or '', '^%d+') or 0) then
          epoch, last, bytes, known = find(writer)
          local from = string.match(known or '', '^%d+ (%d+-%d+)')
          if from then

        """ + Entries + """
            local answer, index = { epoch, '' }, 6
            repeat
              local page = follow('(' .. from, 32)
              for _, entry in ipairs(page) do
                local _, record = read(entry)
                if record and record == ARGV[index] then
                  answer[#answer + 1] = position(entry[1], record)
                  index = index + 3
                end
                from = entry[1]
              end
            until #page == 0 or index > #ARGV
            return answer
          end
        end
        local function add(record)
          return epoch and redis.call('XADD', stream, 'NOMKSTREAM', '*', 'p', last, 'b', string.format('%.0f', bytes + #record + 64), 'r', record)
        end
        local added = add(ARGV[6])
        if not added then
          epoch, last, bytes = begin()
          added = add(ARGV[6])
        end
        local answer, message, before, size = { epoch, '' }, { epoch .. '-' .. last }, last, 0
        for index = 6, #ARGV, 3 do
          local record = ARGV[index]
          last = position(added or add(record), record)
          added, bytes, size = nil, bytes + #record + 64, size + #record
          answer[#answer + 1] = last
          message[#message + 1] = last .. ' ' .. record
          local retained, topic = string.match(ARGV[index - 1], '^([+-])(.*)$')
          local hash = topic and string.sub(topic, 1, 1) == '$' and reserved or values
          if ARGV[3] ~= '0' and retained == '+' then
            redis.call('SET', values .. ':' .. topic, epoch .. ' ' .. last .. ' ' .. record, 'PX', ARGV[3])
          elseif retained == '+' then
            redis.call('HSET', hash, topic, epoch .. ' ' .. last .. ' ' .. record)
          elseif retained then
            redis.call('HDEL', hash, topic)
          end
        end
        redis.call('HSET', life, 'last', last, 'bytes', string.format('%.0f', bytes), writer, ARGV[#ARGV - 2] .. ' ' .. before .. ' ' .. last)
        local told = redis.pcall('PUBLISH', stream .. ':appended', size > 16384 and epoch .. '-' .. last or table.concat(message, '\n'))
        answer[2] = type(told) == 'table' and told.err or ''
        return answer
        """;

    /// <summary>
    /// Takes the number of values that the caller wants at most, and topics and patterns. Answers with topics and their values in turn, or with nothing
    /// if there are more.
    /// </summary>
    public const string Values = """
        local values, reserved, found, seen = KEYS[3], KEYS[4], {}, {}
        local function add(hash, topic)
          local value = not seen[topic] and (redis.call('HGET', hash, topic) or redis.call('GET', hash .. ':' .. topic))
          if value then
            seen[topic] = true
            found[#found + 1] = topic
            found[#found + 1] = value
          end
          return #found <= 2 * ARGV[2]
        end
        for index = 3, #ARGV do
          local topic = ARGV[index]
          local hash, prefix = string.sub(topic, 1, 1) == '$' and reserved or values, string.match(topic, '^(.*)%*$')
          for _, name in ipairs(prefix and redis.call('HKEYS', hash) or { topic }) do
            if not prefix or string.sub(name, 1, #prefix) == prefix then
              if not add(hash, name) then return false end
            end
          end
        end
        return found
        """;

    /// <summary>Takes a topic. Answers how many topics have a value, or -1 if this one has.</summary>
    public const string CountValues = """
        return redis.call('HEXISTS', KEYS[3], ARGV[2]) == 1 and -1 or redis.call('HLEN', KEYS[3])
        """;

    /// <summary>
    /// Takes the epoch, the position to read after and how many bytes to read. Answers with the epoch, the last position and a number: 2 if the
    /// position is known, otherwise 1 if something at or before it is kept and 0 if not. Positions and records follow in turn. What another program
    /// wrote is skipped. It reads few records at once: large ones may follow small ones, and Redis serves nobody else while it copies them.
    /// </summary>
    public const string Read = Life + Entries + """
        local epoch, last = find()
        if epoch ~= ARGV[2] then return { epoch, last, 1 } end
        local answer, after, from, left, count = { epoch, last, 2 }, ARGV[3], id(ARGV[3]), tonumber(ARGV[4]), 1
        while left > 0 do
          local page = follow('(' .. from, count)
          for _, entry in ipairs(page) do
            local before, record = read(entry)
            if before and left > 0 then
              if before ~= after then
                if #answer > 3 then return answer end
                return { epoch, last, #redis.call('XREVRANGE', stream, id(after), '-', 'COUNT', 1) }
              end
              after, left = position(entry[1], record), left - #record
              answer[#answer + 1] = after
              answer[#answer + 1] = record
            end
            from = entry[1]
          end
          if #page < count then break end
          count = math.min(count * 2, 32)
        end
        if #answer == 3 and after ~= last then
          return { epoch, last, #redis.call('XREVRANGE', stream, id(after), '-', 'COUNT', 1) }
        end
        return answer
        """;

    /// <summary>
    /// Takes the retention in milliseconds and the size in bytes. Trims the log to both, and forgets the writers that have not appended for a minute,
    /// which is longer than any of them repeats an append. Answers with the age of the oldest record in milliseconds, or with nothing if there is
    /// none.
    /// </summary>
    public const string Trim = Life + Entries + """
        local function oldest(retention)
          local now = redis.call('TIME')
          return string.format('%.0f', math.max(0, now[1] * 1000 + math.floor(now[2] / 1000) - retention))
        end
        local epoch, last, bytes = find()
        redis.call('XTRIM', stream, 'MINID', oldest(ARGV[2]))
        local function kept(entry)
          local _, _, before = read(entry)
          return bytes - before
        end
        local entry, size = first(), tonumber(ARGV[3])
        while entry and kept(entry) > size do
          if redis.call('XTRIM', stream, 'MAXLEN', '~', math.floor(redis.call('XLEN', stream) * size / kept(entry))) == 0 then break end
          entry = first()
        end
        local fields = redis.call('HGETALL', life)
        for index = 1, #fields, 2 do
          local ms = string.match(fields[index], '^w:') and string.match(fields[index + 1], '^%d+ %S+ (%d+)')
          if ms and tonumber(ms) < tonumber(oldest(60000)) then redis.call('HDEL', life, fields[index]) end
        end
        return entry and tonumber(oldest(0)) - string.match(entry[1], '^%d+') or false
        """;
}
