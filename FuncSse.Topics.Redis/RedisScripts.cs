namespace FuncSse.Topics.Redis;

/// <summary>
/// The operations that Redis does in one step each. A script runs alone on the server, so the epoch that it checks is the one that it reads or
/// writes.
/// </summary>
/// <remarks>
/// <para>
/// The log is four keys: the stream, and a hash with the <c>epoch</c>, the position of the <c>last</c> record, the <c>bytes</c> that were ever
/// appended, and for each writer <c>w:writer</c> the number of the last record that it appended and the id of its entry. Entries and positions are as
/// <see cref="RedisEntry"/> has them.
/// </para>
/// <para>
/// The other two are hashes of the retained values, <c>epoch position record</c> for each topic: one of the app's topics and one of the reserved
/// ones, which do not count. They outlive an epoch. Values that expire are keys of their own, since the fields of a hash do not.
/// </para>
/// <para>
/// Each entry has the records (<c>r</c>) and the position before them (<c>p</c>). So a position is known if the next entry names it, if it is the last
/// one, or if its own record is there: the end of what was trimmed is still known, whoever trimmed it, and an entry that vanished is a gap that readers
/// see. A Redis that went back to an older state has none of these for the positions that it lost. <c>b</c> is the value of <c>bytes</c> after the
/// entry, which makes the size of what is kept a subtraction.
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
        local stream, log, values, reserved = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
        local function begin()
          redis.call('DEL', stream, log)
          local first = redis.call('XADD', stream, '*', 'begin', ARGV[1])
          redis.call('XDEL', stream, first)
          redis.call('HSET', log, 'epoch', ARGV[1], 'last', first .. '-0', 'bytes', '0')
          return ARGV[1], first .. '-0', '0'
        end
        local function find()
          local known = redis.call('HMGET', log, 'epoch', 'last', 'bytes')
          if known[1] and redis.call('EXISTS', stream) == 1 then return known[1], known[2], known[3] end
          return begin()
        end

        """;

    private const string Entries = """
        local function follow(from, count)
          return redis.call('XRANGE', stream, from, '+', 'COUNT', count)
        end
        local function read(entry)
          local f = entry[2]
          if f[1] == 'p' and f[3] == 'b' and f[5] == 'r' then return f[2], f[6], f[4] end
        end
        local function first(from)
          local entry = follow(from or '-', 1)[1]
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
    /// Takes the writer, the retention of values in milliseconds (0 for ever), the numbers of the first and the last record, and then three arguments for
    /// each entry: nothing, what follows the entry's id in the position of its last record, and the records. After the entry come three for each of its
    /// retained records: the topic, with <c>+</c> before it if the record becomes its value and <c>-</c> if the record clears the value (which values that expire are not), what follows the
    /// id in the record's position, and the record. Publishes what was appended, as <see cref="RedisFeed"/> reads it. Answers with the epoch, why
    /// that was refused (or an empty text), and the ids. Records whose numbers the writer has passed are not appended, because their append was repeated or
    /// comes late: the answer has the epoch, nothing, and the ids and records of what the writer appended last, as far as it is kept.
    /// </summary>
    /// <remarks>It runs for each event that is published alone, so it calls Redis four times and no more.</remarks>
    public const string Append = Life + """
        local writer = 'w:' .. ARGV[2]
        local epoch, last, bytes, known = unpack(redis.call('HMGET', log, 'epoch', 'last', 'bytes', writer))
        local number, first, id = string.match(known or '', '^(%d+) (%S+) (%S+)$')
        if number and tonumber(ARGV[4]) <= tonumber(number) and redis.call('EXISTS', stream) == 1 then
          local answer = { epoch, false }
          for _, entry in ipairs(redis.call('XRANGE', stream, first, id)) do
            if entry[2][5] == 'r' then answer[#answer + 1], answer[#answer + 2] = entry[1], entry[2][6] end
          end
          return answer
        end
        local function add(records)
          return epoch and redis.call('XADD', stream, 'NOMKSTREAM', '*', 'p', last, 'b', string.format('%.0f', bytes + #records + 64), 'r', records)
        end
        first = add(ARGV[8])
        if not first then
          epoch, last, bytes = begin()
          first = add(ARGV[8])
        end
        local answer, before = { epoch, '' }, last
        for index = 6, #ARGV, 3 do
          local suffix, text = ARGV[index + 1], ARGV[index + 2]
          local retained, topic = string.match(ARGV[index], '^([+-])(.*)$')
          if not topic then
            id = index == 6 and first or add(text)
            last, bytes = id .. suffix, bytes + #text + 64
            answer[#answer + 1] = id
          else
            local hash = string.sub(topic, 1, 1) == '$' and reserved or values
            local value = epoch .. ' ' .. id .. suffix .. ' ' .. text
            if retained == '-' then
              redis.call('HDEL', hash, topic)
            elseif ARGV[3] ~= '0' then
              redis.call('SET', values .. ':' .. topic, value, 'PX', ARGV[3])
            else
              redis.call('HSET', hash, topic, value)
            end
          end
        end
        redis.call('HSET', log, 'last', last, 'bytes', string.format('%.0f', bytes), writer, ARGV[5] .. ' ' .. first .. ' ' .. id)
        local isLarge = first ~= id or #ARGV[8] > 16384
        local message = isLarge and epoch .. ' ' .. last or epoch .. ' ' .. before .. ' ' .. id .. '\n' .. ARGV[8]
        local told = redis.pcall('PUBLISH', stream .. ':appended', message)
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
    /// Takes the epoch, the position to read after, the id of its entry, and how many bytes to read. Answers with the epoch, the last position and
    /// whether something at or before the position is kept (1 or 0), which is known only if nothing follows in the answer. Of each entry follow the id, the
    /// position before it and the records. The first is the one that follows the position, if that names it, and otherwise the position's own. What another
    /// program wrote is left out. It reads few entries at once: large ones may follow small ones, and Redis serves nobody else while it copies them.
    /// </summary>
    public const string Read = Life + Entries + """
        local epoch, last = find()
        local answer = { epoch, last, 1 }
        if epoch ~= ARGV[2] then return answer end
        local after, id, left, count = ARGV[3], ARGV[4], tonumber(ARGV[5]), 1
        local page = follow('(' .. id, 1)
        if (page[1] and read(page[1]) or last) ~= after then page = follow(id, 1) end
        while page[1] and left > 0 do
          for _, entry in ipairs(page) do
            local before, records = read(entry)
            local isGone = #answer == 3 and entry[1] ~= id and before ~= after
            if before and isGone then left = 0 end
            if before and left > 0 then
              answer[#answer + 1], answer[#answer + 2], answer[#answer + 3] = entry[1], before, records
              left = left - (entry[1] == id and 0 or #records)
            end
          end
          count = math.min(count * 2, math.ceil(left / 8192))
          page = left > 0 and follow('(' .. page[#page][1], count) or page
        end
        if #answer == 3 then answer[3] = #redis.call('XREVRANGE', stream, id, '-', 'COUNT', 1) end
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
        local function time(id)
          return tonumber(string.match(id, '^%d+'))
        end
        local entry, size = first(), tonumber(ARGV[3])
        if entry and kept(entry) > size then
          local low, high = time(entry[1]), time(last)
          while low < high do
            local middle = math.floor((low + high) / 2)
            local found = first(string.format('%.0f', middle))
            if found and kept(found) > size then low = middle + 1 else high = middle end
          end
          redis.call('XTRIM', stream, 'MINID', string.format('%.0f', low))
          entry = first()
        end
        local fields = redis.call('HGETALL', log)
        for index = 1, #fields, 2 do
          local ms = string.match(fields[index], '^w:') and string.match(fields[index + 1], '^%d+ %S+ (%d+)')
          if ms and tonumber(ms) < tonumber(oldest(60000)) then redis.call('HDEL', log, fields[index]) end
        end
        return entry and tonumber(oldest(0)) - string.match(entry[1], '^%d+') or false
        """;
}
