# `npm start`: help needs nothing installed; everything else does.
case " $* " in
  *' --help '* | *' -h '*) exec cat deploy/local/usage.txt ;;
esac
node deploy/local/install.mjs || exit
exec node_modules/.bin/node deploy/local/src/main.ts "$@"
