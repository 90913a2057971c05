-- Writes a value, unless a leader of a later term has written already.
-- KEYS[1] the fence: the highest epoch that has written    KEYS[2] the data
-- ARGV[1] the epoch of the leader who writes               ARGV[2] the value
-- Answers 1. Errors, after which nothing was written: FENCED <epoch>: a later term has written; BADEPOCH: ARGV[1] is no
-- epoch; BADFENCE: KEYS[1] holds something else.
local fence, data = KEYS[1], KEYS[2]
local epoch, value = ARGV[1], ARGV[2]
local is_epoch = function(text)
  return #text <= 16 and string.find(text, '^[1-9][0-9]*$') ~= nil
end

if not is_epoch(epoch) then
  return redis.error_reply('BADEPOCH an epoch is 1 to 16 digits without leading zeros')
end
local highest = redis.call('GET', fence)
if highest and not is_epoch(highest) then
  return redis.error_reply('BADFENCE the key of the fence holds something else')
end
-- As text, the longer one is the greater: Lua would round the numbers.
if highest and (#highest > #epoch or (#highest == #epoch and highest > epoch)) then
  return redis.error_reply('FENCED ' .. highest)
end
if highest ~= epoch then
  redis.call('SET', fence, epoch)
end
redis.call('SET', data, value)
return 1
