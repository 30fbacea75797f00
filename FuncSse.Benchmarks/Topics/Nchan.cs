using System.Diagnostics;
using System.Net;

namespace FuncSse.Benchmarks;

/// <summary>nginx with nchan, as Debian's nginx-light and libnginx-mod-nchan install them: one worker, whose processor time counts.</summary>
internal static class Nchan
{
    private const string Module = "/usr/lib/nginx/modules/ngx_nchan_module.so";

    /// <returns>Why it cannot run here, or null.</returns>
    public static string? Missing() => !File.Exists(Module)
        ? "nginx-light and libnginx-mod-nchan are not installed"
        : NodePackages.RunQuietly(Path.GetTempPath(), Program(), "-v");

    public static ServerProcess Start()
    {
        IPEndPoint address = ServerProcess.FreeAddress();
        string folder = Path.Combine(Path.GetTempPath(), "funcsse-benchmarks-nchan");
        Directory.CreateDirectory(folder);
        string file = Path.Combine(folder, $"{address.Port}.conf");
        File.WriteAllText(file, Configuration(address, folder));
        try
        {
            return ServerProcess.StartWithWorker(new ProcessStartInfo(Program(), ["-e", "stderr", "-p", folder, "-c", file]), address);
        }
        finally
        {
            File.Delete(file); // It is read at the start.
        }
    }

    // Debian has it where only root's PATH leads.
    private static string Program() => File.Exists("/usr/sbin/nginx") ? "/usr/sbin/nginx" : "nginx";

    private static string Configuration(IPEndPoint address, string folder) => $$"""
        {{(Environment.IsPrivilegedProcess ? "user root;" : "")}}
        load_module {{Module}};
        daemon off;
        worker_processes 1;
        worker_rlimit_nofile 20000;
        error_log stderr error;
        pid {{folder}}/{{address.Port}}.pid;
        events { worker_connections 19000; }
        http {
          access_log off;
          client_body_temp_path {{folder}};
          proxy_temp_path {{folder}};
          fastcgi_temp_path {{folder}};
          uwsgi_temp_path {{folder}};
          scgi_temp_path {{folder}};
          keepalive_requests 1000000;
          nchan_shared_memory_size 128M;
          server {
            listen {{address}} backlog=4096;
            location ~ ^/topics/(.+)$ {
              nchan_pubsub http eventsource;
              nchan_channel_id $1;
              nchan_message_buffer_length 1000;
              nchan_message_timeout 1h;
              nchan_subscriber_first_message newest;
            }
          }
        }
        """;
}
