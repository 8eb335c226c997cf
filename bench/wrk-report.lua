-- wrk's findings as one JSON line, and the name in the URL reached on loopback whatever the system's resolver knows.

function wrk.resolve(host, service)
  wrk.addrs = wrk.lookup("127.0.0.1", service)
end

function done(summary, latency, requests)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format(
    'RESULT {"requests":%d,"bytes":%d,"microseconds":%d,"failed":%d,"p50":%.0f,"p90":%.0f,"p99":%.0f}\n',
    summary.requests, summary.bytes, summary.duration, failed,
    latency:percentile(50), latency:percentile(90), latency:percentile(99)))
end
