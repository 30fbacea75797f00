# Varnish in front of an app on port 7071.
vcl 4.1;
backend app { .host = "127.0.0.1"; .port = "7071"; }
sub vcl_recv {
    if (req.method == "GET" && req.url ~ "^/(events|topics|answers)") { return (pipe); }
}
