-- Posts distinct proposals: wrk -s submit.lua http://… -- <key> <confidence>
local confidence, count

function init(arguments)
  wrk.method = "POST"
  wrk.headers["Authorization"] = "Bearer " .. arguments[1]
  wrk.headers["Content-Type"] = "application/json"
  confidence = arguments[2]
  count = 0
end

function request()
  count = count + 1
  return wrk.format(nil, nil, nil, string.format(
    '{"action":"pay","arguments":{"to":"A1","amount":5,"memo":"invoice %d"},"amount":"5","currency":"INR",' ..
    '"confidence":%s,"principal":"ann","agent":"billing","run":"r-1"}', count, confidence))
end

-- microseconds; an answer of 400 or more counts as failed, and so does a socket that broke
function done(summary, latency)
  local broken = summary.errors
  io.write(string.format('\n{"answers":%d,"seconds":%.6f,"p50_ms":%.2f,"p99_ms":%.2f,"failed":%d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    broken.status + broken.connect + broken.read + broken.write + broken.timeout))
end
