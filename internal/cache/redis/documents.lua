-- Keeps a document unless a newer version is kept already: a slow reader puts nothing back.
--   KEYS[1]  its name   ARGV[1]  head and sealed record   ARGV[2]  size of the head   ARGV[3]  milliseconds
local size = tonumber(ARGV[2])
local kept = redis.call('GETRANGE', KEYS[1], 0, size - 1)
if #kept == size and kept > string.sub(ARGV[1], 1, size) then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[3])
return 1
