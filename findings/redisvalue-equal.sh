#!/usr/bin/env bash
# A set of four members in Redis, read with StackExchange.Redis, and how many different ones they are as RedisValue and as string.
# shellcheck source=findings/common
. "$(dirname "$0")/common"
debian_packages 'redis-server=5:7.0.15-*' 'redis-tools=5:7.0.15-*'
read -r port < <(free_ports 1)
start redis-server --port "$port" --bind 127.0.0.1 --save ''
until redis-cli -p "$port" ping > /dev/null 2>&1; do sleep 0.1; done
cat > Program.cs <<'EOF'
using StackExchange.Redis;

using ConnectionMultiplexer redis = ConnectionMultiplexer.Connect($"127.0.0.1:{args[0]}");
IDatabase database = redis.GetDatabase();
database.SetAdd("ids", ["12345678901234567890123", "12345678901234567890124", "12e3", "12000"]);
RedisValue[] ids = database.SetMembers("ids");
Console.WriteLine($"members: {ids.Length}");
Console.WriteLine($"different strings: {ids.Select(id => id.ToString()).Distinct().Count()}");
Console.WriteLine($"different RedisValues: {ids.Distinct().Count()}");
EOF
dotnet_program Microsoft.NET.Sdk StackExchange.Redis 3.4.35
expect 'members: 4
different strings: 4
different RedisValues: 2' "$(dotnet out/finding.dll "$port")"
