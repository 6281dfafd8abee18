-- A counter of limit.Limiter that all nodes share: the same answers, by the clock of Redis.
--   KEYS[1]  the counter          ARGV[1]  take, look or return
--   ARGV[2]  uses                 ARGV[3]  per, in microseconds
--   ARGV[4]  microseconds in which one use refills, or 0 for an exact rule
--   ARGV[5]  the time in microseconds, or empty for that of Redis
-- Returns uses left, microseconds to wait (0: allowed) and microseconds until nothing counts.
local op, count, per, interval = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local now = tonumber(ARGV[5])
if not now then
  local t = redis.call('TIME')
  now = t[1] * 1000000 + t[2]
end
local slack = 1000 -- milliseconds for which a counter is kept when it is empty: the clock may be set back
local function number(n) return string.format('%.0f', n) end
local function keep(us) redis.call('PEXPIRE', KEYS[1], math.ceil(us / 1000) + slack) end

if interval > 0 then -- a rate: when all of it has refilled
  local full = tonumber(redis.call('GET', KEYS[1])) or 0
  local function set(to)
    full = to
    if full <= now then
      redis.call('DEL', KEYS[1])
    else
      redis.call('SET', KEYS[1], number(full), 'PX', math.ceil((full - now) / 1000) + slack)
    end
  end
  if op == 'return' then
    set(full - interval)
    return {0, 0, 0}
  end
  local ahead = math.max(0, full - now)
  local left = math.max(0, count - math.floor((ahead + interval - 1) / interval))
  local wait = 0
  if left == 0 then
    wait = math.max(1, ahead - (count - 1) * interval)
  elseif op == 'take' then
    set(math.max(full, now) + interval)
    left = left - 1
  end
  return {left, wait, math.max(0, full - now)}
end

-- An exact rule: the times of the uses that still count, oldest first.
if op == 'return' then
  redis.call('RPOP', KEYS[1])
  return {0, 0, 0}
end
local first = tonumber(redis.call('LINDEX', KEYS[1], 0))
while first and first <= now - per do
  redis.call('LPOP', KEYS[1])
  first = tonumber(redis.call('LINDEX', KEYS[1], 0))
end
local used = redis.call('LLEN', KEYS[1])
local left, wait = math.max(0, count - used), 0
if left == 0 then
  wait = math.max(1, tonumber(redis.call('LINDEX', KEYS[1], used - count)) + per - now)
elseif op == 'take' then
  redis.call('RPUSH', KEYS[1], number(now))
  keep(per)
  left = left - 1
end
local last = tonumber(redis.call('LINDEX', KEYS[1], -1))
return {left, wait, last and math.max(0, last + per - now) or 0}
