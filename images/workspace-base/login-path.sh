# shellcheck shell=sh
# Login shells get their PATH from /etc/profile, which knows no Go: that of the workspaces' images again.
PATH=/home/developer/.local/bin:/home/developer/go/bin:/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
