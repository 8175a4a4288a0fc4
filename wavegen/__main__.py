from wavegen.cli.app import main

main()
